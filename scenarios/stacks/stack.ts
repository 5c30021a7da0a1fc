import type { InboxClient } from './inbox-client';
import type { CommandResult } from './shell-command';

/** A line that a service has logged. */
export interface LogLine {
  service: string;
  msg: string;
  method?: string;
  path?: string;
  status?: number;
  eventId?: string;
  traceId?: string;
}

export const SERVICES = ['api-facade', 'email-notification-service', 'push-notification-service'] as const;
export type Service = (typeof SERVICES)[number];
export const SUBSCRIBERS = ['email-notification-service', 'push-notification-service'] as const;

/**
 * The running services with their sidecars, a broker and an inbox. Scenarios use only this interface, so that the same
 * scenarios run on every stack.
 */
export interface Stack {
  readonly name: string;
  /** The URL of api-facade, without a slash at the end. */
  readonly facadeUrl: string;
  /** The server that receives the mails and the push messages. */
  readonly inbox: InboxClient;
  /** The lines that the services have logged until now, in order of arrival. */
  readonly log: readonly LogLine[];
  /** All other printed lines, for example those of the sidecars. */
  readonly output: readonly string[];
  /** Suspends a service. Its connections stay open, as on an overloaded machine. */
  suspend(service: Service): void;
  /** Lets a suspended service continue. */
  resume(service: Service): void;
  /** Kills a service with SIGKILL. */
  kill(service: Service): void;
  /** The reason why the push server cannot inject faults; undefined if it can. */
  readonly pushFaultsUnavailable?: string;
  /** The reason why a replay cannot reach the services; undefined if it can. */
  readonly replayUnavailable?: string | undefined;
  /** Publishes an event on followerAdded without api-facade, so that nothing validates the data. */
  publishWithoutFacade(eventId: string, data: object): Promise<void>;
  /** Runs the replay of a subscriber's dead letters, with flags such as `--list`. */
  replay(service: Service, ...flags: string[]): Promise<CommandResult>;
  /**
   * Resolves when the subscribers have acknowledged all events, with that time in milliseconds since the epoch.
   * Undefined if the broker does not count its events.
   *
   * @throws {Error} when the broker is not drained within the time
   */
  waitUntilDrained?(withinMs: number): Promise<number>;
  /** Stops everything, as Ctrl-C does. Resolves with the exit code when all processes have ended. */
  stop(): Promise<number | null>;
  /** Resolves with the exit code when all processes have ended, even without a stop. */
  readonly ended: Promise<number | null>;
}
