/** A lock that many holders may share, or one holder may have alone. A case that runs alone gets the whole machine. */
export class SharedLock {
  private sharing = 0;
  private isExclusive = false;
  private waitingForExclusive = 0;
  private waiting: (() => void)[] = [];

  /** Runs `run` together with other shared holders. Resolves with its result. */
  async shared<T>(run: () => Promise<T>): Promise<T> {
    await this.until(() => !this.isExclusive && this.waitingForExclusive === 0);
    this.sharing++;
    try {
      return await run();
    } finally {
      this.sharing--;
      this.wake();
    }
  }

  /** Waits until all other holders have finished, and runs `run` alone. Resolves with its result. */
  async exclusive<T>(run: () => Promise<T>): Promise<T> {
    this.waitingForExclusive++;
    await this.until(() => !this.isExclusive && this.sharing === 0);
    this.waitingForExclusive--;
    this.isExclusive = true;
    try {
      return await run();
    } finally {
      this.isExclusive = false;
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
