interface Task {
  run: () => Promise<void>;
  accept: () => void;
  done: () => void;
}

/**
 * Runs at most `maxConcurrent` tasks at a time. At most `depth` more tasks wait in the queue. A caller that adds more
 * waits for `accepted`, so that a sidecar does not read more messages than it can handle soon.
 */
export class WorkQueue {
  private readonly waiting: Task[] = [];
  private running = 0;

  constructor(
    private readonly maxConcurrent: number,
    private readonly depth: number,
  ) {}

  /**
   * Returns two promises. `accepted` resolves when the queue has room for the task. `done` resolves when the task has
   * run or was cleared. A task must not throw.
   */
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

  /** Removes the tasks that have not started. */
  clear(): void {
    for (const task of this.waiting.splice(0)) {
      task.accept();
      task.done();
    }
  }

  private next(): void {
    while (this.running < this.maxConcurrent) {
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
