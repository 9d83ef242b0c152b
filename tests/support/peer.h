// Plays the other side of the wire: what the tests of senders, receivers and roles share. Failures are CUnit
// assertions.
#ifndef CORSAC_TESTS_SUPPORT_PEER_H
#define CORSAC_TESTS_SUPPORT_PEER_H

#include "common/config/config.h"
#include "common/wire/codec.h"
#include "common/wire/transport.h"

enum { PEER_OBS = 3, PEER_ACT = 1 }; // Pendulum-v1's

// Pendulum-v1 with networks of 8 units and no reports, then what the YAML text says.
struct config peer_config(const char *yaml);
struct message_hello peer_hello(void); // Pendulum-v1's; bounds are allocated

// The next message. false: none has arrived. The payload stays valid until the next receive on this end.
bool peer_receive(struct transport *end, struct frame *frame);
// Receives until a message of this type comes; false: there is none.
bool peer_receive_type(struct transport *end, enum message_type type, struct frame *frame);
// Receives all that has arrived and counts it by type.
void peer_count(struct transport *end, int counts[MESSAGE_TYPES]);

// Sends what stands in bytes.
void peer_send(struct transport *end, int to, const struct buffer *bytes);
void peer_send_empty(struct transport *end, int to, enum message_type type);
void peer_send_hello(struct transport *end, const struct message_hello *hello); // to the learner
void peer_send_credit(struct transport *end, int to, uint32_t batches);
void peer_send_stop(struct transport *end, int to, uint32_t exit_code);
// A version of the policy whose parameters all are `value`; obs_dim PEER_OBS.
void peer_send_weights(struct transport *end, int to, uint64_t version, size_t parameters, float value);
// The same on the shared weights that this end sees; parameters: of the backend's memory.
void peer_post_policy(struct transport *end, uint64_t version, size_t parameters, float value);
// A version and evaluation episodes first, first + stride, ... below count.
void peer_send_evaluate(struct transport *end, int to, const struct message_evaluate *evaluate, size_t parameters);

#endif
