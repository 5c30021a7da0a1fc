import type { InboxClient } from './inbox-client';
import type { CommandResult } from './run-command';

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

/** The whole sample, really running, whatever it runs on. Scenarios are written against this and nothing else. */
export interface Stack {
  readonly name: string;
  /** Where api-facade answers, without a slash at the end. */
  readonly facadeUrl: string;
  /** Where the mails and push messages arrive. */
  readonly inbox: InboxClient;
  /** What the services have logged so far, in order of arrival. */
  readonly log: readonly LogLine[];
  /** What was printed besides, by the program that runs the services. */
  readonly output: readonly string[];
  /** Stops a service in its tracks, as a machine under load may; it keeps its connections. */
  freeze(service: Service): void;
  thaw(service: Service): void;
  /** Ends a service without asking it. */
  kill(service: Service): void;
  /** Why the faults of push messages cannot be switched on here; undefined when they can. */
  readonly pushNeverFails?: string;
  /** Why a replay cannot reach the services here; undefined when it can. */
  readonly noReplay?: string | undefined;
  /** Publishes on followerAdded past api-facade, whatever the data. */
  publishPast(eventId: string, data: object): Promise<void>;
  /** Runs the replay of a subscriber's dead letters, with flags such as `--list`. */
  replay(service: Service, ...flags: string[]): Promise<CommandResult>;
  /** Resolves once the broker has no event left that somebody may still be handed; undefined where it does not tell. */
  idle?(withinMs: number): Promise<number>;
  /** What Ctrl-C does. Resolves with the exit code once everything has ended. */
  stop(): Promise<number | null>;
  /** Resolves with the exit code once everything has ended by itself. */
  readonly ended: Promise<number | null>;
}
