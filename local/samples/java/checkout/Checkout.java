import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class Checkout {
    private static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    public static void main(String[] args) throws Exception {
        for (int id = 1; id <= 3; id++) {
            int status = call("POST", "/v1.0/publish/orderpubsub/orders", "{\"orderId\":" + id + "}", "").statusCode();
            System.out.println("Published: " + id + " " + status);
        }
        call("POST", "/v1.0/state/statestore", "[{\"key\":\"1\",\"value\":{\"orderId\":1}}]", "");
        System.out.println("Retrieved: " + call("GET", "/v1.0/state/statestore/1", "", "").body());
        System.out.println("Deleted: " + call("DELETE", "/v1.0/state/statestore/1", "", "").statusCode());
        while (true) {
            HttpResponse<String> answer = call("POST", "/orders", "{\"orderId\":4}", "order-processor");
            if (answer.statusCode() == 200) { // until then, the other app still starts
                System.out.println("Order passed: " + answer.body());
                return;
            }
        }
    }

    private static HttpResponse<String> call(String method, String path, String body, String app) throws Exception {
        URI uri = URI.create("http://localhost:" + System.getenv("DAPR_HTTP_PORT") + path);
        HttpRequest.Builder request = HttpRequest.newBuilder(uri)
            .method(method, HttpRequest.BodyPublishers.ofString(body))
            .header("content-type", "application/json");
        if (!app.isEmpty()) request.header("dapr-app-id", app);
        return CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }
}
