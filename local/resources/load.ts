import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../environment';
import type { Log } from '../log';
import type { Component } from './component';
import { type Field, ResourceError } from './document';
import { type HttpEndpoint, readEndpoints } from './endpoint';
import { noPolicies, type Resiliency, readResiliency } from './resiliency';
import { readComponents, secretReader } from './secret-references';
import { type DeclaredSubscription, readSubscription } from './subscription';
import { readDocuments } from './yaml';

/** The resources of one app. */
export interface Resources {
  components: Component[];
  resiliencies: Resiliency[];
  subscriptions: DeclaredSubscription[];
  endpoints: HttpEndpoint[];
}

/** The kinds of documents that are ignored without a warning. daprd ignores a Kustomization, too: it is for `kubectl apply -k`. */
const IGNORED_KINDS = new Set(['Configuration', 'Kustomization']);

/**
 * Returns the resources for an app in the YAML files of these folders. As in daprd, subfolders are not read, a file may
 * have several documents. A document whose scopes do not name the app is ignored, even if it is invalid.
 *
 * @throws {ResourceError} for an unreadable folder, invalid YAML, an invalid field or two components with the same name
 */
export function loadResources(folders: readonly string[], appId: string, env: Environment, log: Log): Resources {
  const resources: Resources = { components: [], resiliencies: [], subscriptions: [], endpoints: [] };
  const files = new Map<string, string>();
  const components: Field[] = [];
  const endpoints: Field[] = [];
  for (const document of folders.flatMap(readFolder)) {
    const kind = document.get('kind').string('');
    if (!hasValidName(document)) {
      log.warn(`${document.file}: metadata.name may not be . or .. or contain / or %; the document is ignored`);
      continue;
    }
    if (isElsewhere(document, env)) continue;
    if (kind === 'Component') checkName(document, files);
    const scopes = document.get('scopes').strings();
    if (scopes.length > 0 && !scopes.includes(appId)) continue;
    if (kind === 'Component') components.push(document);
    else if (kind === 'Resiliency') {
      const name = document.get('metadata').get('name').string('');
      resources.resiliencies.push(readOrWarn(document, readResiliency, log) ?? noPolicies(name));
    } else if (kind === 'Subscription') resources.subscriptions.push(readSubscription(document));
    else if (kind === 'HTTPEndpoint') endpoints.push(document);
    else if (!IGNORED_KINDS.has(kind)) {
      log.warn(`${document.file}: kind ${JSON.stringify(kind)} is not supported; the document is ignored`);
    }
  }
  const secretOf = secretReader(components, appId, env);
  resources.components = readComponents(components, appId, env, secretOf);
  resources.endpoints = readEndpoints(endpoints, { env, secretOf, log });
  return resources;
}

/** Returns whether daprd accepts the name of a document. It ignores the others. */
function hasValidName(document: Field): boolean {
  const name = document.get('metadata').get('name').value;
  return !/[/%]|^\.\.?$/.test(String(name));
}

/** Returns whether a document is for another namespace than the one in NAMESPACE. daprd ignores it then. */
function isElsewhere(document: Field, { NAMESPACE: own = '' }: Environment): boolean {
  const namespace = document.get('metadata').get('namespace').string('');
  return own !== '' && namespace !== '' && namespace !== own;
}

/** Checks the name of a component. As in daprd, it is unique among the components of all apps. */
function checkName(document: Field, files: Map<string, string>): void {
  const name = document.get('metadata').get('name').nonEmpty();
  const twin = files.get(name);
  if (twin !== undefined) throw new ResourceError(`${document.file}: component ${name} is also in ${twin}`);
  files.set(name, document.file);
}

/** Returns the result of `read`; undefined for an invalid document. Like daprd, the sidecar then starts without it. */
function readOrWarn<T>(document: Field, read: (document: Field) => T, log: Log): T | undefined {
  try {
    return read(document);
  } catch (error) {
    if (!(error instanceof ResourceError)) throw error;
    log.warn(`${error.message}; the document is ignored`);
    return undefined;
  }
}

function readFolder(folder: string): Field[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && /\.ya?ml$/.test(entry.name))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) => readDocuments(join(folder, entry.name)));
  } catch (error) {
    if (error instanceof ResourceError) throw error;
    throw new ResourceError(`cannot read the resources folder ${folder}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
