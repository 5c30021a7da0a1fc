// The smallest possible subscriber: it reads each delivery and acknowledges it.
import { createServer } from 'node:http';

const subscriptions = JSON.stringify([{ pubsubname: 'pubsub', topic: 'followerAdded', route: '/followerAdded' }]);

createServer((req, res) => {
  req.resume().on('end', () => {
    if (req.url === '/dapr/subscribe') res.setHeader('content-type', 'application/json').end(subscriptions);
    else if (req.url === '/followerAdded') res.end();
    else res.writeHead(404).end();
  });
}).listen(Number(process.env.APP_PORT), '127.0.0.1');
