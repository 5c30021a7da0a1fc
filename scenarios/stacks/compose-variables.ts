import { freePort } from '../../local/testing/free-port';

/** How a stack differs from the others on this machine. */
export interface Project {
  project: string;
  /** The Compose files. */
  files: string[];
  /** A folder of components/, and the Compose profile of that name, which Redis does not need. */
  broker: string;
  ports: Awaited<ReturnType<typeof freePorts>>;
}

/** Resolves with a free port for each variable of .env that names a port of `docker compose up`. */
export const freePorts = async () => ({
  FACADE_PORT: await freePort(),
  MAILPIT_PORT: await freePort(),
  NTFY_PORT: await freePort(),
});

/** Returns the environment variables with which a user's `docker compose` acts on this project. */
export const composeVariables = ({ project, files, broker, ports }: Project): Record<string, string> => ({
  ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)])),
  COMPOSE_PROJECT_NAME: project,
  COMPOSE_FILE: files.join(':'),
  COMPOSE_PROFILES: broker === 'redis' ? '' : broker,
  BROKER: broker,
});
