from kafka import TopicPartition
from kafka.producer.future import FutureProduceResult, FutureRecordMetadata
from kafka.record.memory_records import MemoryRecordsBuilder

class ProducerBatch:
    produce_future: FutureProduceResult
    records: MemoryRecordsBuilder
    _record_futures: list[FutureRecordMetadata]
    def __init__(self, tp: TopicPartition, records: MemoryRecordsBuilder) -> None: ...
