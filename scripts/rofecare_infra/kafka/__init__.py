"""The users of Kafka and their rights: what the labels of the services grant, and no more."""

from rofecare_infra.kafka.broker import Broker, broker_of, user_of
from rofecare_infra.kafka.grant import grant_rights
from rofecare_infra.kafka.rights import Right, rights_of

__all__ = ["Broker", "Right", "broker_of", "grant_rights", "rights_of", "user_of"]
