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

/**
 * The list of this user's sidecars on this machine. Each sidecar has a file in a folder that only the user can read.
 * daprd uses mDNS and gRPC instead, so that a local sidecar and a real sidecar do not find each other.
 */
export class Directory {
  constructor(private readonly folder = join(tmpdir(), `dapr-local-${userInfo().uid}`)) {}

  /** Adds a sidecar of this process. Returns a function that removes it. */
  add(address: SidecarAddress): () => void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const file = join(this.folder, `${process.pid}-${address.port}.json`);
    writeFileSync(file, JSON.stringify(address), { mode: 0o600 });
    return () => rmSync(file, { force: true });
  }

  /** Returns a running sidecar of this app; undefined if there is none. It removes the files of ended processes. */
  find(appId: string): SidecarAddress | undefined {
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
      return []; // the folder does not exist before the first sidecar
    }
  }
}

function read(file: string): SidecarAddress | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // the sidecar has removed its file
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
