import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** The address of a sidecar on this machine, for other local sidecars. */
export interface SidecarAddress {
  appId: string;
  port: number;
  /** Proves that a caller is a sidecar of the same user. */
  secret: string;
}

/** The content of a sidecar's file. */
interface Entry extends SidecarAddress {
  /** The start of the process, in the units of the system. Undefined where the system does not tell it. */
  processStart: string | undefined;
  /** In milliseconds since the epoch. */
  addedAt: number;
}

/**
 * The list of this user's sidecars on this machine. Each sidecar has a file in a folder that only the user can read.
 * daprd uses mDNS and gRPC instead, so that a local sidecar and a real sidecar do not find each other.
 */
export class Directory {
  /** The sidecars of this process. */
  private readonly own: SidecarAddress[] = [];

  constructor(private readonly folder = join(tmpdir(), `dapr-local-${userInfo().uid}`)) {}

  /** Adds a sidecar of this process. Returns a function that removes it. */
  add(address: SidecarAddress): () => void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const file = join(this.folder, `${process.pid}-${address.port}.json`);
    const entry: Entry = { ...address, processStart: startOf(process.pid), addedAt: Date.now() };
    writeFileSync(file, JSON.stringify(entry), { mode: 0o600 });
    this.own.push(address);
    return () => {
      rmSync(file, { force: true });
      this.own.splice(this.own.indexOf(address), 1);
    };
  }

  /**
   * Returns a running sidecar of this app; undefined if there is none. A sidecar of this process comes first, because
   * another run may have the same apps, and then the newest one. It removes the files of ended processes.
   */
  find(appId: string): SidecarAddress | undefined {
    const own = this.own.findLast((address) => address.appId === appId);
    if (own) return own;
    let newest: Entry | undefined;
    for (const name of this.names().filter((name) => name.endsWith('.json'))) {
      const pid = Number.parseInt(name, 10);
      const file = join(this.folder, name);
      const entry = read(file);
      if (!runs(pid) || (entry?.processStart !== undefined && entry.processStart !== startOf(pid))) {
        rmSync(file, { force: true });
      } else if (entry?.appId === appId && (!newest || entry.addedAt > newest.addedAt)) newest = entry;
    }
    return newest;
  }

  /** Removes a sidecar that does not answer. Its process was killed, and another process may have its id. */
  forget({ port }: SidecarAddress): void {
    for (const name of this.names()) {
      if (name.endsWith(`-${port}.json`)) rmSync(join(this.folder, name), { force: true });
    }
  }

  private names(): string[] {
    try {
      return readdirSync(this.folder);
    } catch {
      return []; // the folder does not exist before the first sidecar
    }
  }
}

function read(file: string): Entry | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // the sidecar has removed its file
  }
}

/** Returns when a process has started; undefined on systems without `/proc`. A reused process id has another start. */
function startOf(pid: number): string | undefined {
  try {
    // The name of the program, in parentheses, may contain spaces. The start is the 20th field after it.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19];
  } catch {
    return undefined;
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
