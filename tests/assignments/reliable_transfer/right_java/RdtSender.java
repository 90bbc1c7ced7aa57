import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;

public class RdtSender {
    static final long TIMEOUT = 200_000_000;
    static final int MOST = 10;

    static int checksum(String text) {
        return text.chars().sum();
    }

    /** The number that a packet acknowledges; -1 if it is damaged. */
    static int acknowledgedBy(String packet) {
        String[] parts = packet.split(" ", 2);
        if (parts.length < 2 || !parts[0].equals("" + checksum(parts[1])) || !parts[1].startsWith("ACK ")) return -1;
        return Integer.parseInt(parts[1].substring(4));
    }

    public static void main(String[] args) throws Exception {
        int window = Integer.parseInt(args[2]), count = args.length - 3, base = 0, next = 0, packets = 0, timeouts = 0;
        DatagramSocket socket = new DatagramSocket();
        InetAddress host = InetAddress.getByName(args[0]);
        int port = Integer.parseInt(args[1]);
        long since = System.nanoTime();
        while (base < count) {
            for (; next < base + window && next < count; next++, packets++) {
                String rest = "DATA " + next % 256 + " " + args[3 + next];
                byte[] data = (checksum(rest) + " " + rest).getBytes();
                socket.send(new DatagramPacket(data, data.length, host, port));
                if (next == base) since = System.nanoTime();
            }
            long left = since + TIMEOUT - System.nanoTime();
            if (left <= 0) {
                if (++timeouts == MOST) System.exit(1);
                next = base;
                since = System.nanoTime();
                continue;
            }
            DatagramPacket reply = new DatagramPacket(new byte[2048], 2048);
            try {
                socket.setSoTimeout((int) (left / 1_000_000) + 1);
                socket.receive(reply);
            } catch (IOException e) {
                continue;
            }
            int number = acknowledgedBy(new String(reply.getData(), 0, reply.getLength(), "ISO-8859-1"));
            if (number < 0) continue;
            int acknowledged = Math.floorMod(number - base, 256) + 1;
            if (acknowledged <= next - base) {
                base += acknowledged;
                timeouts = 0;
                since = System.nanoTime();
            }
        }
        System.out.println("messages=" + count + " packets=" + packets);
    }
}
