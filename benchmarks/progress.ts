const WIDTH = 30;

/** Returns a progress display: a bar if the stream is a terminal, otherwise one line for each step. */
export function createProgress(steps: number, stream: NodeJS.WriteStream = process.stderr) {
  let done = 0;
  const bar = () => '█'.repeat(Math.round((done / steps) * WIDTH)).padEnd(WIDTH, '░');
  const percent = () => `${Math.round((100 * done) / steps)} %`.padStart(5);
  return {
    /** Shows the name of a step, runs it, and resolves with its result. */
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
