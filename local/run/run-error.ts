/** The reason why a run cannot continue, in one line. */
export class RunError extends Error {}

/** Returns a function that throws the error of a server that cannot listen on a port of a sidecar. */
export const inUse = (appId: string, api: string, port: number | undefined) => (error: NodeJS.ErrnoException) => {
  const { code, message } = error;
  throw new RunError(code === 'EADDRINUSE' ? `${appId}: the Dapr ${api} port ${port} is in use` : message);
};
