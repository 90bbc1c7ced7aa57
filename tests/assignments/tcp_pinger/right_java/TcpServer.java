import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.ServerSocket;
import java.net.Socket;

public class TcpServer {
    static void serve(Socket client) {
        try (client) {
            BufferedReader lines = new BufferedReader(new InputStreamReader(client.getInputStream()));
            String line;
            while ((line = lines.readLine()) != null) {
                client.getOutputStream().write((line.toUpperCase() + "\n").getBytes());
            }
        } catch (IOException e) {
            System.err.println(e);
        }
    }

    public static void main(String[] args) throws Exception {
        ServerSocket listener = new ServerSocket(Integer.parseInt(args[0]));
        while (true) {
            Socket client = listener.accept();
            new Thread(() -> serve(client)).start();
        }
    }
}
