import type { AppChannel } from './app-channel';
import type { Log } from './log';

/** The settings of the health probes. https://docs.dapr.io/developing-applications/building-blocks/observability/app-health/ */
export interface AppHealthOptions {
  path: string;
  intervalMs: number;
  timeoutMs: number;
  /** The number of consecutive failed probes after which the app is unhealthy. */
  threshold: number;
}

export const APP_HEALTH_DEFAULTS: AppHealthOptions = {
  path: '/healthz',
  intervalMs: 5_000,
  timeoutMs: 500,
  threshold: 3,
};

/** Probes the app at an interval. The app is unhealthy until the first probe succeeds. */
export class AppHealth {
  private failures: number;
  private timer: NodeJS.Timeout | undefined;
  private readonly stopped = new AbortController();

  constructor(
    private readonly app: AppChannel,
    private readonly options: AppHealthOptions,
    private readonly onChange: (healthy: boolean) => void,
    private readonly log: Log,
  ) {
    this.failures = options.threshold;
  }

  get isHealthy(): boolean {
    return this.failures < this.options.threshold;
  }

  start(): void {
    void this.probe();
  }

  stop(): void {
    this.stopped.abort();
    clearTimeout(this.timer);
  }

  private async probe(): Promise<void> {
    const { path, intervalMs, timeoutMs } = this.options;
    const startedAt = Date.now();
    const signal = AbortSignal.any([this.stopped.signal, AbortSignal.timeout(timeoutMs)]);
    const success = await this.app.send({ method: 'GET', path, signal }).then(
      ({ status }) => status >= 200 && status < 300,
      () => false,
    );
    if (this.stopped.signal.aborted) return;
    this.recordProbe(success);
    this.timer = setTimeout(() => void this.probe(), Math.max(0, intervalMs - (Date.now() - startedAt)));
  }

  private recordProbe(success: boolean): void {
    const { threshold, path } = this.options;
    const wasHealthy = this.isHealthy;
    this.failures = success ? 0 : Math.min(this.failures + 1, threshold);
    if (this.isHealthy === wasHealthy) return;
    if (this.isHealthy) this.log.info('the app is healthy: deliveries start');
    else this.log.warn(`the app is unhealthy because ${threshold} probes of ${path} failed: deliveries are paused`);
    this.onChange(this.isHealthy);
  }
}
