import { blocks, readPage } from './markdown';

const experiments = readPage('docs/break-it.md');
export const killExperiment = blocks(experiments.slice(experiments.indexOf('**5.')));

/** The commands that another test runs, or that no test can run on every machine. */
export const ELSEWHERE: Record<string, string> = {
  'docker compose up': 'startComposeStack runs it with --detach --build --wait',
  'docker compose up --wait': 'startComposeStack runs it with --detach --build',
  'BROKER=kafka docker compose --profile kafka up': 'kafka.compose.ts',
  'BROKER=valkey docker compose --profile valkey up': 'recipes.compose.ts',
  'docker compose --profile observability up': 'compose/isolation.ts checks its configuration; its images are large',
  'docker compose -f docker-compose-setup.yml up': 'setup.compose.ts',
  'docker compose -f docker-compose-setup.yml run --rm setup npm test': 'setup.compose.ts',
  'docker compose run --rm replay SERVICE --list': 'Stack.replay runs it in delivery.ts',
  'docker compose run --rm replay SERVICE': 'Stack.replay runs it in delivery.ts',
  'docker compose run --rm replay SERVICE --discard ID --yes': 'Stack.replay runs it in delivery.ts',
  'docker compose build image && docker tag dapr-microservice-sample-service dapr-microservice-sample:1.0.0':
    'kubernetes-image.ts builds the image',
  // In sentences.
  'docker compose kill': 'a part of experiment 5',
  'docker compose ps': '',
  'docker compose down': 'ComposeStack.stop runs it with more flags',
};

/** The commands for Kafka, and those that remove everything. kafka.compose.ts runs them. */
export const KAFKA = {
  up: 'BROKER=kafka docker compose --profile kafka up --wait',
  list: 'BROKER=kafka docker compose run --rm replay SERVICE --list',
  replay: 'BROKER=kafka docker compose run --rm replay SERVICE',
  down: "docker compose --profile '*' down",
  remove: "docker compose --profile '*' down --volumes",
};

/** Starts a copy of the project beside another one. */
export const SECOND_COPY =
  'COMPOSE_PROJECT_NAME=second FACADE_PORT=8180 MAILPIT_PORT=8125 NTFY_PORT=8190 docker compose up --wait';

/** The commands that show the memory of Redis, with a part of their output. */
export const MEMORY: Record<string, string> = {
  'docker compose exec redis redis-cli INFO memory': 'maxmemory:402653184',
  'docker compose exec redis redis-cli XINFO GROUPS followerAdded': 'push-notification-service',
  'docker compose exec redis redis-cli XLEN email-notification-service-dead-letters': '0',
  'docker compose up --detach redis': '',
};

/** The commands that a test runs word for word. */
export const HERE = [
  'docker compose logs --no-log-prefix | grep eventId',
  'docker compose up --detach --scale email-notification-service=3',
  ...Object.keys(MEMORY),
  ...Object.values(KAFKA),
  SECOND_COPY,
  ...killExperiment.flatMap(({ language, text }) => (language === 'sh' ? text.trim().split('\n') : [])),
];
