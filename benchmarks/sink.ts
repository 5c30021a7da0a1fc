// A child process with a mail server and a push server for the benchmark. They accept everything, and record only when
// each notification arrives.
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';

/** The notifications since the last request. */
export interface Arrivals {
  /** The follower, and the arrival time in milliseconds since the epoch. */
  mails: [follower: string, atMs: number][];
  pushes: [follower: string, atMs: number][];
}

/** The first message to the parent process. */
export interface SinkPorts {
  smtpPort: number;
  pushPort: number;
}

let arrivals: Arrivals = { mails: [], pushes: [] };
const now = () => performance.timeOrigin + performance.now();
const follower = (text: string) => /([\w-]+) follows you/.exec(text)?.[1] ?? '';

/** Serves one SMTP session (https://www.rfc-editor.org/rfc/rfc5321) with a client that does not use pipelining. */
function converse(socket: Socket): void {
  let received = '';
  let inMail = false;
  const say = (line: string) => socket.write(`${line}\r\n`);
  socket
    .setEncoding('latin1')
    .setNoDelay()
    .on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    received += chunk;
    if (!received.endsWith(inMail ? '\r\n.\r\n' : '\r\n')) return;
    const text = received;
    received = '';
    if (inMail) {
      inMail = false;
      arrivals.mails.push([follower(text), now()]);
      say('250 accepted');
    } else if (/^DATA/i.test(text)) {
      inMail = true;
      say('354 send the mail');
    } else if (/^QUIT/i.test(text)) {
      socket.end('221 bye\r\n');
    } else say('250 ok');
  });
  say('220 sink');
}

const push = createHttpServer((req, res) => {
  let body = '';
  req.setEncoding('utf8').on('data', (chunk) => {
    body += chunk;
  });
  req.on('end', () => {
    arrivals.pushes.push([follower(body), now()]);
    res.setHeader('content-type', 'application/json').end('{}');
  });
});
push.keepAliveTimeout = 60_000;

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));

/** Answers each message from the parent process with the arrivals since the previous one. */
async function main(): Promise<void> {
  const [smtpPort, pushPort] = [await listen(createTcpServer(converse)), await listen(push)];
  process.on('message', () => {
    process.send?.(arrivals);
    arrivals = { mails: [], pushes: [] };
  });
  process.once('disconnect', () => process.exit());
  process.send?.({ smtpPort, pushPort } satisfies SinkPorts);
}

void main();
