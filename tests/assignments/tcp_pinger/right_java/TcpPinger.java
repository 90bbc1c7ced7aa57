import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;

public class TcpPinger {
    public static void main(String[] args) throws Exception {
        int count = Integer.parseInt(args[2]), received = 0;
        Socket socket = new Socket(args[0], Integer.parseInt(args[1]));
        BufferedReader replies = new BufferedReader(new InputStreamReader(socket.getInputStream()));
        OutputStream out = socket.getOutputStream();
        for (int seq = 1; seq <= count; seq++) {
            long begun = System.nanoTime();
            out.write(("PING " + seq + "\n").getBytes());
            if (replies.readLine() == null) break;
            received++;
            System.out.printf("seq=%d rtt=%.3f%n", seq, (System.nanoTime() - begun) / 1e6);
        }
        System.out.printf("sent=%d received=%d%n", count, received);
    }
}
