/* Decodes a JPEG file by stb_image and writes its samples: interleaved, 8 bits each; with a second argument luma alone. */
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_JPEG
#include <stb/stb_image.h>

int main(int count, char **arguments) {
    int width, height, channels;
    int wanted = count > 2 ? 1 : 0;
    unsigned char *samples = count > 1 ? stbi_load(arguments[1], &width, &height, &channels, wanted) : NULL;
    if (samples == NULL) {
        fprintf(stderr, "%s\n", count > 1 ? stbi_failure_reason() : "name a file");
        return 1;
    }
    fwrite(samples, (size_t)width * (wanted ? wanted : channels), height, stdout);
    stbi_image_free(samples);
    return 0;
}
