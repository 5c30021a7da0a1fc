import type { ComposeStack } from '../stacks/compose-stack';

/** A Node.js program. Its arguments are addresses `host:port`. It prints the addresses that accept a TCP connection. */
const PRINT_OPEN = `
  const net = require('node:net');
  const open = (address) => new Promise((resolve) => {
    const [host, port] = address.split(':');
    const socket = net.connect({ host, port }, () => resolve([address]));
    socket.on('error', () => resolve([])).setTimeout(3000, () => resolve([]));
  });
  Promise.all(process.argv.slice(1).map(open)).then((found) => {
    console.log(JSON.stringify(found.flat()));
    process.exit();
  });`;

/** A Node.js program that prints the TCP ports on which programs of its container listen, except on loopback. */
const PRINT_PORTS = `
  const lines = ['tcp', 'tcp6'].flatMap((name) => require('node:fs').readFileSync('/proc/net/' + name, 'utf8').split('\\n'));
  const listening = lines.map((line) => line.trim().split(/\\s+/)).filter(([, , , state]) => state === '0A');
  const [v4, v6] = [/7F$/, /^0{24}01000000$/]; // loopback, as the kernel writes it
  const addresses = listening.map(([, local]) => local.split(':')).filter(([ip]) => !v6.test(ip) && !(ip.length === 8 && v4.test(ip)));
  console.log(JSON.stringify([...new Set(addresses.map(([, port]) => parseInt(port, 16)))]));`;

/** Runs a Node.js program in a new container of the services' image. Resolves with the JSON that it prints. */
async function runIn<T>(stack: ComposeStack, network: string, program: string, args: readonly string[] = []) {
  const run = ['run', '--rm', '--network', network, '--entrypoint', 'node', await stack.image()];
  return JSON.parse(await stack.docker(...run, '-e', program, '--', ...args)) as T;
}

/**
 * Resolves with the addresses that accept a TCP connection.
 *
 * @param network of the client: a Docker network, or `container:ID` to connect from the place of a container
 * @param addresses as `host:port`
 */
export const openFrom = (stack: ComposeStack, network: string, addresses: readonly string[]): Promise<string[]> =>
  runIn(stack, network, PRINT_OPEN, addresses);

/** Every TCP address of the running containers, such as `172.18.0.2:6379`, with its name, such as `redis 6379`. */
export async function listeningAddresses(stack: ComposeStack): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const { service, Id, NetworkSettings } of await stack.inspectContainers()) {
    for (const port of await runIn<number[]>(stack, `container:${Id}`, PRINT_PORTS)) {
      for (const { IPAddress } of Object.values(NetworkSettings.Networks)) {
        names.set(`${IPAddress}:${port}`, `${service} ${port}`);
      }
    }
  }
  return names;
}
