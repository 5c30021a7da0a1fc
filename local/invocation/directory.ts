import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** Where a sidecar on this machine can be reached by others of its kind. */
export interface Address {
  appId: string;
  port: number;
  /** Tells another sidecar of the same user from anybody else who finds the port. */
  secret: string;
}

/**
 * The sidecars of this user on this machine: a file for each in a folder that only the user can read. daprd uses mDNS
 * for this and gRPC between sidecars, so that a local sidecar and a real one do not find each other.
 */
export class Directory {
  constructor(private readonly folder = join(tmpdir(), `dapr-local-${userInfo().uid}`)) {}

  /** Lists a sidecar of this process. Returns how to take it off the list again. */
  add(address: Address): () => void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const file = join(this.folder, `${process.pid}-${address.port}.json`);
    writeFileSync(file, JSON.stringify(address), { mode: 0o600 });
    return () => rmSync(file, { force: true });
  }

  /** A sidecar of this app that still runs. */
  find(appId: string): Address | undefined {
    for (const name of this.names().filter((name) => name.endsWith('.json'))) {
      const pid = Number.parseInt(name, 10);
      const file = join(this.folder, name);
      if (!runs(pid)) {
        rmSync(file, { force: true });
        continue;
      }
      const address = read(file);
      if (address?.appId === appId) return address;
    }
    return undefined;
  }

  private names(): string[] {
    try {
      return readdirSync(this.folder);
    } catch {
      return []; // nobody has listed anything yet
    }
  }
}

function read(file: string): Address | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // it went while we looked
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
