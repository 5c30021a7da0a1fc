import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class OrderProcessor {
    private static final Pattern DATA = Pattern.compile("\"data\":(\\{[^}]*\\})");

    public static void main(String[] args) throws IOException {
        int port = Integer.parseInt(System.getenv("APP_PORT"));
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/", OrderProcessor::handle);
        server.start();
    }

    private static void handle(HttpExchange exchange) throws IOException {
        String body = new String(exchange.getRequestBody().readAllBytes());
        switch (exchange.getRequestURI().getPath()) {
            case "/dapr/subscribe":
                answer(exchange, 200, "[{\"pubsubname\":\"orderpubsub\",\"topic\":\"orders\",\"route\":\"/events\"}]");
                break;
            case "/events":
                Matcher data = DATA.matcher(body);
                System.out.println("Subscriber received: " + (data.find() ? data.group(1) : body));
                answer(exchange, 200, "{\"status\":\"SUCCESS\"}");
                break;
            case "/orders":
                answer(exchange, 200, body);
                break;
            default:
                answer(exchange, 404, "");
        }
    }

    private static void answer(HttpExchange exchange, int status, String text) throws IOException {
        byte[] bytes = text.getBytes();
        exchange.getResponseHeaders().set("content-type", "application/json");
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }
}
