import java.net.DatagramPacket;
import java.net.DatagramSocket;

public class RdtReceiver {
    static int checksum(String text) {
        return text.chars().sum();
    }

    public static void main(String[] args) throws Exception {
        DatagramSocket socket = new DatagramSocket(Integer.parseInt(args[0]));
        int taken = 0;
        while (true) {
            DatagramPacket packet = new DatagramPacket(new byte[2048], 2048);
            socket.receive(packet);
            String[] parts = new String(packet.getData(), 0, packet.getLength(), "ISO-8859-1").split(" ", 2);
            if (parts.length < 2 || !parts[0].equals("" + checksum(parts[1]))) continue;
            String[] words = parts[1].split(" ");
            if (words.length != 3 || !words[0].equals("DATA")) continue;
            if (words[1].equals("" + taken % 256)) {
                System.out.println(words[2]);
                System.out.flush();
                taken++;
            }
            if (taken == 0) continue;
            String rest = "ACK " + (taken - 1) % 256;
            byte[] reply = (checksum(rest) + " " + rest).getBytes();
            socket.send(new DatagramPacket(reply, reply.length, packet.getSocketAddress()));
        }
    }
}
