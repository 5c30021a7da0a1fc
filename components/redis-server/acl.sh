# What the sidecars may do in Redis, as rules of its ACL. start.sh and keep-room.sh read this file. These are the commands
# that daprd's pubsub.redis and state.redis send. https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/

# A topic is a stream of that name. The component files say which app may use which topic.
topics='~* +xadd +xgroup|create +xreadgroup +xack +xpending +xclaim +xautoclaim'
# A state is a hash. Dapr puts the app id and || before its key. A script may use no other commands, either.
state='(~*||* +eval +type +hgetall +hget +hset +hincrby +hexists +get +del +expire +persist)'
connection='+@connection -@admin -@dangerous +info +multi +exec +discard +wait'
