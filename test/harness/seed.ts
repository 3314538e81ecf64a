/** From what everything random in the tests follows. The run draws and prints it; TEST_SEED repeats it. */
export const seed = Number(process.env.TEST_SEED ?? 1);
