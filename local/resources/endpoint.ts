import type { Environment } from '../environment';
import type { Log } from '../log';
import { readValue, type SecretOf } from './component';
import { type Field, ResourceError } from './document';

/** An `HTTPEndpoint` document: a service outside of Dapr that is invoked by its name. */
export interface HttpEndpoint {
  name: string;
  /** The address. It may have a path, to which the paths of calls are appended. */
  baseUrl: string;
  /** The headers of every call, which replace the caller's. */
  headers: [name: string, value: string][];
  tls: EndpointTls;
}

/** PEM texts for an https address; undefined if the document does not have them. */
export interface EndpointTls {
  /** Replaces the certificate authorities of the system. */
  ca: string | undefined;
  cert: string | undefined;
  key: string | undefined;
}

/** A context for endpoints. `secretOf` returns the value of a `secretKeyRef` of a document. */
export interface EndpointContext {
  env: Environment;
  secretOf: (document: Field, reference: Field) => string;
  log: Log;
}

/**
 * Returns the endpoints of documents. As with daprd, a secret that does not exist is empty, and two documents with one
 * name discard all of them; the log names both. https://docs.dapr.io/reference/resource-specs/httpendpoints-schema/
 *
 * @throws {ResourceError} for a field of the wrong kind
 */
export function readEndpoints(documents: readonly Field[], context: EndpointContext): HttpEndpoint[] {
  const endpoints = documents.map((document) => readEndpoint(document, context));
  const twin = endpoints.find(({ name }, i) => endpoints.findIndex((other) => other.name === name) < i);
  if (!twin) return endpoints;
  context.log.error(`all documents of kind HTTPEndpoint are ignored: two of them have the name ${twin.name}`);
  return [];
}

function readEndpoint(document: Field, { env, secretOf, log }: EndpointContext): HttpEndpoint {
  const spec = document.get('spec');
  const name = document.get('metadata').get('name').nonEmpty();
  const secret: SecretOf = (reference) => {
    try {
      return secretOf(document, reference);
    } catch (error) {
      if (!(error instanceof ResourceError)) throw error;
      log.warn(`${error.message}; the value is empty`);
      return '';
    }
  };
  const baseUrl = spec.get('baseUrl').string('');
  if (!/^https?:\/\//.test(baseUrl)) {
    const is = JSON.stringify(baseUrl);
    log.warn(`${document.file}: endpoint ${name}: spec.baseUrl is ${is}, so calls fail; allowed: an http or https URL`);
  }
  const headers = spec.get('headers').list();
  const clientTls = spec.get('clientTLS');
  const pem = (field: Field) => (field.present ? readValue(field, env, secret) || undefined : undefined);
  const tls = { ca: clientTls.get('rootCA'), cert: clientTls.get('certificate'), key: clientTls.get('privateKey') };
  if (clientTls.present && clientTls.get('renegotiation').present) {
    log.warn(`${document.file}: endpoint ${name}: spec.clientTLS.renegotiation is not supported and is ignored`);
  }
  return {
    name,
    baseUrl,
    headers: headers.map((header) => [header.get('name').nonEmpty(), readValue(header, env, secret)]),
    tls: { ca: pem(tls.ca), cert: pem(tls.cert), key: pem(tls.key) },
  };
}
