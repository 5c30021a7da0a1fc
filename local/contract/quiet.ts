/**
 * Lets cases run side by side, and one that has to be run again run alone: then no other case takes the time that a
 * recorded delay leaves.
 */
export class Quiet {
  private sharing = 0;
  private alone = false;
  private waitingAlone = 0;
  private waiting: (() => void)[] = [];

  /** Runs together with others that share. */
  async shared<T>(run: () => Promise<T>): Promise<T> {
    await this.until(() => !this.alone && this.waitingAlone === 0);
    this.sharing++;
    try {
      return await run();
    } finally {
      this.sharing--;
      this.wake();
    }
  }

  /** Waits until whatever runs has ended, and lets nothing else begin until `run` has ended. */
  async exclusive<T>(run: () => Promise<T>): Promise<T> {
    this.waitingAlone++;
    await this.until(() => !this.alone && this.sharing === 0);
    this.waitingAlone--;
    this.alone = true;
    try {
      return await run();
    } finally {
      this.alone = false;
      this.wake();
    }
  }

  private async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
