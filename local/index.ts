export { SharedMemory, Sidecar, type SidecarOptions, startSidecar } from './sidecar';
export type { Delivery, Where } from './testkit/deliveries';
export type { GivenEvent, TopicEvent } from './testkit/event';
export type { Fault, FaultKind } from './testkit/faults';
export type { StubAnswer, StubApp, StubHandler, StubRequest, StubRoutes } from './testkit/stub-app';
export type {
  StubBinding,
  StubBindingAnswer,
  StubBindingCall,
  StubBindingResult,
} from './testkit/stub-binding';
export type { DeadLetter } from './testkit/test-probe';
export { startTestSidecar, type TestSidecar } from './testkit/test-sidecar';
