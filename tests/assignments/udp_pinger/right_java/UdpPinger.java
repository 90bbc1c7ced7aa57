import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;

public class UdpPinger {
    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(args[1]), count = Integer.parseInt(args[2]), received = 0;
        DatagramSocket socket = new DatagramSocket();
        socket.connect(InetAddress.getByName(args[0]), port);
        for (int seq = 1; seq <= count; seq++) {
            long begun = System.nanoTime();
            boolean answered = false;
            try {
                byte[] data = ("PING " + seq).getBytes();
                socket.send(new DatagramPacket(data, data.length));
                while (!answered) {
                    int left = (int) (1000 - (System.nanoTime() - begun) / 1_000_000);
                    if (left <= 0) break;
                    socket.setSoTimeout(left);
                    DatagramPacket reply = new DatagramPacket(new byte[2048], 2048);
                    socket.receive(reply);
                    String[] words = new String(reply.getData(), 0, reply.getLength()).split(" ");
                    answered = words.length > 1 && words[1].trim().equals("" + seq);
                }
            } catch (IOException e) {
                answered = false;
            }
            if (answered) {
                received++;
                System.out.printf("seq=%d rtt=%.3f%n", seq, (System.nanoTime() - begun) / 1e6);
            } else {
                System.out.printf("seq=%d timeout%n", seq);
            }
        }
        System.out.printf("sent=%d received=%d lost=%d%n", count, received, count - received);
    }
}
