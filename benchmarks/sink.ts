// A child process with a mail server and a push server for the benchmark. They accept everything, unless they are told to
// refuse some mails at first, and record only when each notification arrives.
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';

/** The notifications since the last request. */
export interface Arrivals {
  /** The follower, and the arrival time in milliseconds since the epoch. */
  mails: [follower: string, atMs: number][];
  pushes: [follower: string, atMs: number][];
}

/** What the parent process asks for: a new rule for refusals, or the notifications since the last request. */
export type SinkRequest = 'arrivals' | { refuseEvery: number };

/** The first message to the parent process. */
export interface SinkPorts {
  smtpPort: number;
  pushPort: number;
}

let arrivals: Arrivals = { mails: [], pushes: [] };
/** The first mail about each follower whose number is a multiple of this is refused; none if it is 0. */
let refuseEvery = 0;
const refused = new Set<string>();
const now = () => performance.timeOrigin + performance.now();
const follower = (text: string) => /([\w-]+) follows you/.exec(text)?.[1] ?? '';

function isRefused(name: string): boolean {
  if (refuseEvery === 0 || Number(name.slice(1)) % refuseEvery !== 0 || refused.has(name)) return false;
  refused.add(name);
  return true;
}

/** Serves one SMTP session (https://www.rfc-editor.org/rfc/rfc5321) with pipelining (RFC 2920), as most servers do. */
function converse(socket: Socket): void {
  let received = '';
  let inMail = false;
  /** Takes the next command or mail from what was received; undefined until it is complete. */
  const take = (end: string) => {
    const at = received.indexOf(end);
    if (at === -1) return undefined;
    const text = received.slice(0, at);
    received = received.slice(at + end.length);
    return text;
  };
  const answer = (text: string) => {
    if (inMail) {
      inMail = false;
      if (isRefused(follower(text))) return '451 try again later\r\n';
      arrivals.mails.push([follower(text), now()]);
      return '250 accepted\r\n';
    }
    if (/^EHLO/i.test(text)) return '250-sink\r\n250 PIPELINING\r\n';
    if (!/^DATA/i.test(text)) return /^QUIT/i.test(text) ? '221 bye\r\n' : '250 ok\r\n';
    inMail = true;
    return '354 send the mail\r\n';
  };
  socket
    .setEncoding('latin1')
    .setNoDelay()
    .on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    received += chunk;
    let answers = '';
    for (let text = take(inMail ? '\r\n.\r\n' : '\r\n'); text !== undefined; text = take(inMail ? '\r\n.\r\n' : '\r\n'))
      answers += answer(text);
    if (answers !== '') socket.write(answers);
    if (answers.endsWith('221 bye\r\n')) socket.end();
  });
  socket.write('220 sink\r\n');
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

/** Answers each request for arrivals with those since the previous one. */
async function main(): Promise<void> {
  const [smtpPort, pushPort] = [await listen(createTcpServer(converse)), await listen(push)];
  process.on('message', (request: SinkRequest) => {
    if (request !== 'arrivals') {
      refuseEvery = request.refuseEvery;
      return refused.clear();
    }
    process.send?.(arrivals);
    arrivals = { mails: [], pushes: [] };
  });
  process.once('disconnect', () => process.exit());
  process.send?.({ smtpPort, pushPort } satisfies SinkPorts);
}

void main();
