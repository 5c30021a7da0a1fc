import { testLocal } from './local';

testLocal('redis');
