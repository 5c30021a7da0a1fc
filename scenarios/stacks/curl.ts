// Replaces curl where it is not installed, such as in the container of docker-compose-setup.yml, so that the commands of
// README.md run there, too. It knows the flags of those commands.

const values: Record<string, string[]> = { '-X': [], '-H': [], '-d': [] };
let url = '';
const args = process.argv.slice(2);
while (args.length > 0) {
  const [flag = ''] = args.splice(0, 1);
  if (flag in values) values[flag]?.push(...args.splice(0, 1));
  else if (!flag.startsWith('-')) url = flag;
  else if (flag !== '-sS') throw new Error(`this curl does not know ${flag}`);
}
const [body] = values['-d'] ?? [];
const [method = body === undefined ? 'GET' : 'POST'] = values['-X'] ?? [];
const headers = new Headers(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' });
for (const header of values['-H'] ?? []) {
  const [name = '', ...value] = header.split(':');
  headers.set(name, value.join(':').trim());
}
void fetch(`http://${url.replace(/^http:\/\//, '')}`, { method, headers, ...(body && { body }) })
  .then((answer) => answer.text())
  .then((text) => process.stdout.write(text));
