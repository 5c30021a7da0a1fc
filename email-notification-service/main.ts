import { runSubscriber } from '../common/service/run-subscriber';
import { readEmailConfig } from './config';
import { createEmailSender } from './send-email';
import { subscriptions } from './subscriptions';

void runSubscriber('email-notification-service', { appPort: 8081 }, ({ env, logger }) => {
  const { sendEmail } = createEmailSender(readEmailConfig(env), logger);
  return subscriptions(sendEmail);
});
