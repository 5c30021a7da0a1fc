import { type ChildProcess, spawn } from 'node:child_process';
import { NAMESPACE, podsWith } from './kubectl';
import { readLogLines } from './log-lines';
import type { LogLine } from './stack';

const POLL_MS = 500;
const SERVICES = 'app.kubernetes.io/component in (publisher,subscriber)';

/** Reads the logs of the services' pods, also of the pods that start later. */
export class PodLogs {
  private readonly readers = new Map<string, ChildProcess>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly log: LogLine[],
    private readonly output: string[],
  ) {}

  follow(): void {
    void podsWith(SERVICES)
      .then((pods) => {
        for (const { metadata, status } of pods) if (status.phase === 'Running') this.read(metadata.name);
      })
      .catch(() => {}) // the next look may succeed
      .finally(() => {
        if (!this.stopped) this.timer = setTimeout(() => this.follow(), POLL_MS);
      });
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    for (const reader of this.readers.values()) reader.kill('SIGKILL');
  }

  private read(pod: string): void {
    if (this.stopped || this.readers.has(pod)) return;
    const args = ['--namespace', NAMESPACE, 'logs', '--follow', '--container', 'app', pod];
    const reader = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.readers.set(pod, reader);
    readLogLines(reader.stdout, this.log, this.output);
  }
}
