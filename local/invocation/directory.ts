import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
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

  /** @param folder the folder of the files; null: only the sidecars of this object find each other */
  constructor(private readonly folder: string | null = DEFAULT_FOLDER) {}

  /** Adds a sidecar of this process. Returns a function that removes it. */
  add(address: SidecarAddress): () => void {
    const removeFile = this.folder === null ? () => {} : addFile(this.folder, address);
    this.own.push(address);
    return () => {
      removeFile();
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
    for (const { name, file } of this.files()) {
      const pid = Number.parseInt(name, 10);
      const entry = read(file);
      if (!runs(pid) || (entry?.processStart !== undefined && entry.processStart !== startOf(pid))) {
        rmSync(file, { force: true });
      } else if (entry?.appId === appId && (!newest || entry.addedAt > newest.addedAt)) newest = entry;
    }
    return newest;
  }

  /** Removes a sidecar that does not answer. Its process was killed, and another process may have its id. */
  forget({ port }: SidecarAddress): void {
    for (const { name, file } of this.files()) if (name.endsWith(`-${port}.json`)) rmSync(file, { force: true });
  }

  private files(): { name: string; file: string }[] {
    const { folder } = this;
    if (folder === null) return [];
    try {
      const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
      return names.map((name) => ({ name, file: join(folder, name) }));
    } catch {
      return []; // the folder does not exist before the first sidecar
    }
  }
}

const DEFAULT_FOLDER = join(tmpdir(), `dapr-local-${userInfo().uid}`);
/** Another process may remove the empty folder just before we write our file. */
const WRITE_ATTEMPTS = 10;

/** Writes the file of a sidecar. Returns a function that removes it, and the default folder with the last file. */
function addFile(folder: string, address: SidecarAddress): () => void {
  const file = join(folder, `${process.pid}-${address.port}.json`);
  const entry: Entry = { ...address, processStart: startOf(process.pid), addedAt: Date.now() };
  for (let attempt = 1; ; attempt += 1) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    try {
      writeFileSync(file, JSON.stringify(entry), { mode: 0o600 });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === WRITE_ATTEMPTS) throw error;
    }
  }
  return () => {
    rmSync(file, { force: true });
    if (folder === DEFAULT_FOLDER) removeIfEmpty(folder);
  };
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Other sidecars have files there.
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
