const WIDTH = 30;

/** Says on standard error how far a long command is: a bar on a terminal, a line for each step elsewhere. */
export function createProgress(steps: number, stream: NodeJS.WriteStream = process.stderr) {
  let done = 0;
  const bar = () => '█'.repeat(Math.round((done / steps) * WIDTH)).padEnd(WIDTH, '░');
  const percent = () => `${Math.round((100 * done) / steps)} %`.padStart(5);
  return {
    /** Runs one of the steps. */
    async step<T>(name: string, run: () => Promise<T>): Promise<T> {
      stream.write(stream.isTTY ? `\r\x1b[K${bar()}${percent()}  ${name}` : `${percent()}  ${name}\n`);
      const result = await run();
      done += 1;
      return result;
    },
    end: () => void (stream.isTTY && stream.write('\r\x1b[K')),
  };
}

export type Progress = ReturnType<typeof createProgress>;
