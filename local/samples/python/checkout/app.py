import json
import os
import urllib.error
import urllib.request

DAPR = "http://localhost:" + os.environ["DAPR_HTTP_PORT"]


def call(method, path, body=None, headers=None):
    data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
    request = urllib.request.Request(DAPR + path, data, method=method)
    request.add_header("content-type", "application/json")
    for name, value in (headers or {}).items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


for order_id in range(1, 4):
    status, _ = call("POST", "/v1.0/publish/orderpubsub/orders", {"orderId": order_id})
    print(f"Published: {order_id} {status}", flush=True)
call("POST", "/v1.0/state/statestore", [{"key": "1", "value": {"orderId": 1}}])
print("Retrieved: " + call("GET", "/v1.0/state/statestore/1")[1], flush=True)
print(f"Deleted: {call('DELETE', '/v1.0/state/statestore/1')[0]}", flush=True)
while True:
    status, text = call("POST", "/orders", {"orderId": 4}, {"dapr-app-id": "order-processor"})
    if status == 200:  # until then, the other app still starts
        print("Order passed: " + text, flush=True)
        break
