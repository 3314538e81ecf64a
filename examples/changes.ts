// Each change of a decky's state, from Redis: `node changes.ts`
import { type StateMessage, stateTopic } from 'decnet-fleet';
import { Redis } from 'ioredis';

const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
// Of one host: stateTopic('host-7', '*').
await redis.psubscribe(stateTopic('*', '*'));
redis.on('pmessage', (_pattern: string, _channel: string, message: string) => {
  const { payload } = JSON.parse(message) as { payload: StateMessage };
  console.log(`${payload.host_uuid} ${payload.name}: ${payload.previous_state ?? 'new'} → ${payload.state}`);
});
