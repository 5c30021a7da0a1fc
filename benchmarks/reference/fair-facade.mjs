// The least code that accepts a follow and publishes it: no validation, no trace, no log.
import { Agent, createServer, request } from 'node:http';

const options = {
  agent: new Agent({ keepAlive: true }),
  port: process.env.DAPR_HTTP_PORT,
  path: '/v1.0/publish/pubsub/followerAdded',
  method: 'POST',
  headers: { 'content-type': 'application/json' },
};

createServer((req, res) => {
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => {
    if (req.method !== 'POST') return res.writeHead(404).end();
    const publish = request(options, (answer) => {
      answer.resume();
      res.writeHead(answer.statusCode < 300 ? 202 : 503).end();
    });
    publish.on('error', () => res.writeHead(503).end());
    publish.end(Buffer.concat(chunks));
  });
}).listen(Number(process.env.APP_PORT), '127.0.0.1');
