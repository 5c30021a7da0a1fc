const dapr = `http://localhost:${process.env.DAPR_HTTP_PORT}`;

async function call(method, path, body, headers = {}) {
  const json = { 'content-type': 'application/json', ...headers };
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body), headers: json };
  const answer = await fetch(dapr + path, init);
  return { status: answer.status, text: await answer.text() };
}

async function main() {
  for (let orderId = 1; orderId <= 3; orderId += 1) {
    const { status } = await call('POST', '/v1.0/publish/orderpubsub/orders', { orderId });
    console.log(`Published: ${orderId} ${status}`);
  }
  await call('POST', '/v1.0/state/statestore', [{ key: '1', value: { orderId: 1 } }]);
  console.log(`Retrieved: ${(await call('GET', '/v1.0/state/statestore/1')).text}`);
  console.log(`Deleted: ${(await call('DELETE', '/v1.0/state/statestore/1')).status}`);
  for (;;) {
    const answer = await call('POST', '/orders', { orderId: 4 }, { 'dapr-app-id': 'order-processor' });
    if (answer.status !== 200) continue; // the other app still starts
    console.log(`Order passed: ${answer.text}`);
    return;
  }
}
main();
