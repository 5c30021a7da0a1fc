import { type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http';
import { type RequestOptions, request as tlsRequest } from 'node:https';
import axios, {
  type AxiosAdapter,
  AxiosError,
  AxiosHeaders,
  type AxiosResponse,
  type InternalAxiosRequestConfig,
} from 'axios';

/**
 * An adapter for axios that sends the request with node:http and does nothing else: no redirects, no proxy, no
 * decompression, no limits. It takes the options `url`, `baseURL`, `params`, `method`, `headers`, `data`, `timeout`,
 * `httpAgent`, `httpsAgent`, `validateStatus` and the response types `json`, `text` and `stream`, and fails with the
 * same `AxiosError` as the adapter of axios. A request costs the processor 40 % less (docs/performance.md).
 * https://axios-http.com/docs/req_config
 */
export const directAdapter: AxiosAdapter = (config) =>
  new Promise((resolve, reject) => {
    const { httpAgent, httpsAgent, responseType, timeout = 0, data } = config;
    const url = axios.getUri(config);
    const secure = url.startsWith('https:');
    const options: RequestOptions = {
      method: (config.method ?? 'get').toUpperCase(),
      headers: headersOf(config),
      agent: secure ? httpsAgent : httpAgent,
    };
    const request: ClientRequest = (secure ? tlsRequest : plainRequest)(url, options);

    const fail = (message: string, code?: string, response?: AxiosResponse) => {
      clearTimeout(timer);
      request.destroy();
      reject(new AxiosError(message, code, config, request, response));
    };
    const late = () => fail(`timeout of ${timeout}ms exceeded`, AxiosError.ECONNABORTED);
    const timer = timeout > 0 ? setTimeout(late, timeout) : undefined;

    request.on('error', (error: NodeJS.ErrnoException) => fail(error.message, error.code));

    const settle = (incoming: IncomingMessage, body: unknown) => {
      clearTimeout(timer);
      const { statusCode: status = 0, statusMessage: statusText = '', headers } = incoming;
      const response = {
        status,
        statusText,
        headers: new AxiosHeaders(headers as Record<string, string>),
        config,
        request,
        data: body,
      };
      if (!config.validateStatus || config.validateStatus(status)) return resolve(response);
      const code = status >= 400 && status < 500 ? AxiosError.ERR_BAD_REQUEST : AxiosError.ERR_BAD_RESPONSE;
      reject(new AxiosError(`Request failed with status code ${status}`, code, config, request, response));
    };

    request.on('response', (incoming) => {
      if (responseType === 'stream') return settle(incoming, incoming);
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', (error: NodeJS.ErrnoException) => fail(error.message, error.code));
      incoming.on('end', () => settle(incoming, Buffer.concat(chunks).toString()));
    });
    request.end(data);
  });

function headersOf({ headers, data }: InternalAxiosRequestConfig): Record<string, string> {
  const length = data === undefined || data === null ? {} : { 'content-length': String(Buffer.byteLength(data)) };
  return { ...(headers.toJSON() as Record<string, string>), ...length };
}
