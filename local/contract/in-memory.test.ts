import { testLocal } from './local';

testLocal('in-memory');
