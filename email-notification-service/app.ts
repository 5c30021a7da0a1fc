import type { Express } from 'express';
import { createSubscriber, type Dependencies } from '../common/dapr/subscriber';

export const SERVICE = 'email-notification-service';

export const createApp = (dependencies: Omit<Dependencies, 'service'>): Express =>
  createSubscriber({ service: SERVICE, ...dependencies });
