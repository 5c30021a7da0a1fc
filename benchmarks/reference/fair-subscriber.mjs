// The least code that does the sample's work: for each event one claim, one mail or push message, and one mark. It
// receives batches and claims and marks a batch in one request. A failure is not handled: it ends the program.
// The argument selects the notification: email or push.
import { Agent, createServer, request } from 'node:http';
import { connect } from 'node:net';

const CONNECTIONS = 16;
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
const json = { 'content-type': 'application/json' };

function post(url, body) {
  return new Promise((resolve, reject) => {
    const req = request(url, { agent, method: 'POST', headers: json }, (res) => {
      res.resume().on('end', () => (res.statusCode < 300 ? resolve() : reject(new Error(`${url}: ${res.statusCode}`))));
    });
    req.on('error', reject).end(JSON.stringify(body));
  });
}

const save = (items) => post(`http://127.0.0.1:${process.env.DAPR_HTTP_PORT}/v1.0/state/statestore`, items);

const sendPush = ({ follower, followee }) =>
  post(process.env.PUSH_URL, { topic: `followers-${followee}`, message: `${follower} follows you` });

/** Returns a function that sends mails over one SMTP connection, one after the other, with pipelining (RFC 2920). */
function mailConnection() {
  const { hostname, port } = new URL(process.env.SMTP_URL);
  const socket = connect(Number(port), hostname);
  let received = '';
  let expected = () => {};
  const replies = (count) =>
    new Promise((resolve) => {
      expected = () => {
        if (received.split('\r\n').filter((line) => /^\d{3} /.test(line)).length < count) return;
        received = '';
        resolve();
      };
      expected();
    });
  socket.setEncoding('latin1').setNoDelay();
  socket.on('data', (chunk) => {
    received += chunk;
    expected();
  });
  const say = (text, count) => {
    socket.write(text);
    return replies(count);
  };
  let last = replies(1).then(() => say('EHLO fair\r\n', 1));
  return ({ follower, followee }) => {
    const to = `${followee}@example.test`;
    const mail = `From: followers@example.test\r\nTo: ${to}\r\nSubject: ${follower} follows you\r\n\r\nHello ${followee},\r\n\r\n${follower} follows you now.\r\n`;
    last = last
      .then(() => say(`MAIL FROM:<followers@example.test>\r\nRCPT TO:<${to}>\r\nDATA\r\n`, 3))
      .then(() => say(`${mail}.\r\n`, 1));
    return last;
  };
}

function mailer() {
  const connections = Array.from({ length: CONNECTIONS }, mailConnection);
  let next = 0;
  return (follow) => connections[next++ % CONNECTIONS](follow);
}

const notify = process.argv[2] === 'email' ? mailer() : sendPush;

async function handle({ entries }) {
  const keys = entries.map(({ event }) => event.id);
  const options = { concurrency: 'first-write' };
  await save(keys.map((key) => ({ key: `claim.${key}`, value: 1, options, metadata: { ttlInSeconds: '10' } })));
  await Promise.all(entries.map(({ event }) => notify(event.data)));
  await save(keys.map((key) => ({ key: `mark.${key}`, value: 1, options, metadata: { ttlInSeconds: '604800' } })));
  return { statuses: entries.map(({ entryId }) => ({ entryId, status: 'SUCCESS' })) };
}

const bulkSubscribe = { enabled: true, maxMessagesCount: 100, maxAwaitDurationMs: 5 };
const subscriptions = [{ pubsubname: 'pubsub', topic: 'followerAdded', route: '/followerAdded', bulkSubscribe }];

createServer((req, res) => {
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', async () => {
    const answer = (value) => res.writeHead(200, json).end(JSON.stringify(value));
    if (req.url === '/dapr/subscribe') answer(subscriptions);
    else if (req.url === '/followerAdded') answer(await handle(JSON.parse(Buffer.concat(chunks).toString())));
    else res.writeHead(404).end();
  });
}).listen(Number(process.env.APP_PORT), '127.0.0.1');
