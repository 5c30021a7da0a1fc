import type { Seen } from './recorded-app';
import type { Case, Json, JsonRecord } from './recording';
import { countBy, defined, without } from './shape';
import type { Side } from './side';

const IGNORED_HEADERS = new Set(['host', 'user-agent', 'accept-encoding', 'content-length', 'connection']);

/** The requests that the apps of a case received, in the form that the recording has. */
export class ObservedRequests {
  constructor(
    private readonly recorded: Case,
    private readonly sides: readonly Side[],
  ) {}

  /** Returns the deliveries: every request except health probes and the questions that a sidecar asks at its start. */
  deliveries({ app }: Side): Seen[] {
    return app?.seen.filter((request) => !isStartup(request) && !this.isProbe(request)) ?? [];
  }

  totalDeliveries(): number {
    return this.sides.reduce((sum, side) => sum + this.deliveries(side).length, 0);
  }

  /** Returns `METHOD path` of each request that no earlier call has returned, or of all requests unless `onlyNew`. */
  paths(side: Side, onlyNew: boolean): string[] {
    const all = side.app?.seen ?? [];
    const shown = all.slice(onlyNew ? side.shownRequests : 0);
    side.shownRequests = all.length;
    return shown.filter((request) => !this.isProbe(request)).map(({ method, path }) => `${method} ${path}`);
  }

  /** Returns whether the sidecar has probed the app's health, with the method and headers of the first probe. */
  firstProbe({ app }: Side): JsonRecord {
    const probe = app?.seen.find((request) => this.isProbe(request));
    if (!probe) return { probes: false, headers: {} };
    return { probes: true, method: probe.method, headers: without(probe.headers, IGNORED_HEADERS) };
  }

  /**
   * Returns the part of the observation that the apps saw.
   *
   * @param firstAnswerAt when the first request of the case was answered; `gapsMs` counts from then
   */
  summary(firstAnswerAt: number | undefined): JsonRecord {
    const { countOnly, concurrency, startup, timing } = this.recorded;
    const summary: JsonRecord = {};
    for (const [i, side] of this.sides.entries()) {
      const { app } = side;
      if (!app) continue;
      const suffix = i === 0 ? '' : '2';
      const deliveries = this.deliveries(side);
      if (countOnly) summary[`deliveries${suffix}ByPath`] = countBy(deliveries.map(({ path }) => path));
      else summary[`deliveries${suffix}`] = deliveries.map((delivery) => this.describe(delivery));
      if (timing && i === 0) {
        const times = [firstAnswerAt ?? deliveries[0]?.at ?? 0, ...deliveries.map(({ at }) => at)];
        summary.gapsMs = times.slice(1).map((at, n) => at - (times[n] ?? at));
      }
      if (concurrency) summary.mostAtOnce = app.mostAtOnce;
      if (startup) {
        summary[`startup${suffix}`] = app.seen.filter(isStartup).map(({ method, path, headers }) => ({
          method,
          path,
          headers: without(headers, IGNORED_HEADERS),
        }));
      }
    }
    return summary;
  }

  private describe({ method, path, headers, lines, body, text }: Seen): Json {
    const { brief, fullHeaders, raw, headerLines } = this.recorded;
    const event = body as { topic?: Json; data?: Json } | null;
    if (brief) return defined({ path, topic: event?.topic, data: event?.data });
    if (headerLines) return { method, path, lines, body };
    const shown = without(headers, fullHeaders ? new Set(['content-length']) : IGNORED_HEADERS);
    return { method, path, headers: shown, body, ...(raw && { raw: text }) };
  }

  private isProbe({ path }: Seen): boolean {
    return this.recorded.probePath === path;
  }
}

const isStartup = ({ path, method }: Seen) => path.startsWith('/dapr/') || method === 'OPTIONS';
