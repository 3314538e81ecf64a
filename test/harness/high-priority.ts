/** Loaded into the process of each test file that measures times: it, and what it starts, get the processor before the others. */
import { constants, setPriority } from 'node:os';

setPriority(constants.priority.PRIORITY_HIGH);
