"""Architecture: which module may import which (``[tool.importlinter]`` in pyproject.toml), and a module's length."""

from __future__ import annotations

from pathlib import Path

import pytest
from importlinter import api, configuration
from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[1]
CONFIGURATION = str(ROOT / "pyproject.toml")
CONTRACTS = [one["id"] for one in api.read_configuration(CONFIGURATION)["contracts_options"]]
MAX_LINES = 350
configuration.configure()


@pytest.mark.parametrize("contract", CONTRACTS)
def test_arrows_run_down_only(contract: str, capsys: pytest.CaptureFixture[str]) -> None:
    broken = lint_imports(CONFIGURATION, limit_to_contracts=(contract,), no_cache=True)
    assert not broken, capsys.readouterr().out


@pytest.mark.parametrize("path", sorted((ROOT / "src").rglob("*.py")), ids=lambda path: path.stem)
def test_a_module_is_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES
