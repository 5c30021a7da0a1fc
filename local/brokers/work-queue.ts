interface Task {
  run: () => Promise<void>;
  accept: () => void;
  done: () => void;
}

/**
 * Runs so many tasks at a time. So many more may wait; who adds beyond that waits to be accepted, so that no more is
 * read from a broker than can soon be worked on.
 */
export class WorkQueue {
  private readonly waiting: Task[] = [];
  private running = 0;

  constructor(
    private readonly concurrency: number,
    private readonly depth: number,
  ) {}

  /** `accepted`: there is room for it. `done`: it has run, or was cleared. A task must not throw. */
  add(run: () => Promise<void>): { accepted: Promise<void>; done: Promise<void> } {
    const task: Task = { run, accept: () => {}, done: () => {} };
    const done = new Promise<void>((resolve) => {
      task.done = resolve;
    });
    const accepted = new Promise<void>((resolve) => {
      task.accept = resolve;
    });
    this.waiting.push(task);
    if (this.waiting.length <= this.depth) task.accept();
    this.next();
    return { accepted, done };
  }

  /** Forgets what has not begun. */
  clear(): void {
    for (const task of this.waiting.splice(0)) {
      task.accept();
      task.done();
    }
  }

  private next(): void {
    while (this.running < this.concurrency) {
      const task = this.waiting.shift();
      if (!task) return;
      this.waiting[this.depth - 1]?.accept();
      void this.start(task);
    }
  }

  private async start(task: Task): Promise<void> {
    task.accept();
    this.running += 1;
    await task.run();
    this.running -= 1;
    task.done();
    this.next();
  }
}
