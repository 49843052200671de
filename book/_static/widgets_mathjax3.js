// The widgets typeset their labels through MathJax 2's queue; this book ships MathJax 3, which has none.
window.addEventListener("load", () => {
  if (window.MathJax && !window.MathJax.Hub) window.MathJax.Hub = { Queue() {} };
});
