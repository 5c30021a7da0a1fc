/** Resolves with 0 when the service in this container is ready, and with 1 otherwise. The image has no curl. */
async function main(): Promise<number> {
  try {
    const answer = await fetch(`http://127.0.0.1:${process.env.APP_PORT}/readyz`, {
      signal: AbortSignal.timeout(3_000),
    });
    if (!answer.ok) console.log(await answer.text());
    return answer.ok ? 0 : 1;
  } catch (error) {
    console.log(String(error));
    return 1;
  }
}

void main().then((code) => {
  process.exitCode = code;
});
