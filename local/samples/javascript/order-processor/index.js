const { createServer } = require('node:http');

const server = createServer(async (req, res) => {
  const body = Buffer.concat(await req.toArray()).toString();
  res.setHeader('content-type', 'application/json');
  if (req.url === '/dapr/subscribe') {
    return res.end(JSON.stringify([{ pubsubname: 'orderpubsub', topic: 'orders', route: '/events' }]));
  }
  if (req.url === '/events') {
    console.log(`Subscriber received: ${JSON.stringify(JSON.parse(body).data)}`);
    return res.end('{"status":"SUCCESS"}');
  }
  if (req.url === '/orders') return res.end(body);
  return res.writeHead(404).end();
});
server.listen(Number(process.env.APP_PORT));
