/** Loaded into the process of each test file that measures no times: it, and what it starts, leave the processor to those that do. */
import { constants, setPriority } from 'node:os';

setPriority(constants.priority.PRIORITY_LOW);
