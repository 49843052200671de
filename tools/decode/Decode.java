import java.awt.image.Raster;
import java.io.BufferedOutputStream;
import java.io.File;
import java.io.OutputStream;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;

/** Decodes a JPEG file by ImageIO and writes its components, colours not converted: interleaved, 8 bits each. */
class Decode {
    public static void main(String[] arguments) throws Exception {
        ImageReader reader = ImageIO.getImageReadersByFormatName("jpeg").next();
        try (ImageInputStream in = ImageIO.createImageInputStream(new File(arguments[0]));
                OutputStream out = new BufferedOutputStream(System.out)) {
            reader.setInput(in);
            Raster raster = reader.readRaster(0, null);
            int width = raster.getWidth();
            byte[] row = new byte[width * raster.getNumBands()];
            int[] samples = null;
            for (int y = 0; y < raster.getHeight(); y++) {
                samples = raster.getPixels(0, y, width, 1, samples);
                for (int i = 0; i < row.length; i++) row[i] = (byte) samples[i];
                out.write(row);
            }
        }
    }
}
